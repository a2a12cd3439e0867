/** Keeps the failure of one panel inside that panel. */

import { Component, type ComponentChildren } from "preact";

interface Props {
  children: ComponentChildren;
  /** When it changes, the panel is tried again. */
  retryWhen: unknown;
}

export class ErrorBoundary extends Component<Props, { message: string | null }> {
  override state = { message: null as string | null };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ message: error instanceof Error ? error.message : String(error) });
  }

  override componentDidUpdate(before: Props): void {
    if (before.retryWhen !== this.props.retryWhen && this.state.message !== null) this.setState({ message: null });
  }

  override render(): ComponentChildren {
    const { message } = this.state;
    if (message === null) return this.props.children;
    return (
      <div class="note" role="alert">
        <strong>This panel could not be drawn.</strong>
        <span class="dim">{message}</span>
        <span>
          <button type="button" class="outlined" onClick={() => this.setState({ message: null })}>
            Try again
          </button>
        </span>
      </div>
    );
  }
}
