/** The live link where no WebSocket gets through: server-sent events one way, a request for each message the other. */

/** What `Live` needs of a link; a WebSocket is one. */
export interface Wire {
  readonly readyState: number;
  onmessage: ((event: MessageEvent<string>) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(text: string): void;
  close(): void;
}

export class EventLink implements Wire {
  readyState: number = WebSocket.CONNECTING;
  onmessage: ((event: MessageEvent<string>) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  private channel = "";
  private sending: Promise<unknown> = Promise.resolve();
  private readonly source: EventSource;

  constructor(private readonly address: string) {
    this.source = new EventSource(address);
    this.source.onmessage = (event: MessageEvent<string>) => this.hear(event);
    // the browser would try again by itself, and the new stream would know nothing of what was asked
    this.source.onerror = () => this.lose();
  }

  private hear(event: MessageEvent<string>): void {
    if (this.channel) {
      this.onmessage?.(event);
      return;
    }
    this.channel = (JSON.parse(event.data) as { id: string }).id;
    this.readyState = WebSocket.OPEN;
  }

  /** Messages arrive in the order in which they were sent. */
  send(text: string): void {
    this.sending = this.sending.then(() => fetch(`${this.address}/${this.channel}`, { method: "POST", body: text })).then(
      (answer) => void (answer.ok || this.lose()),
      () => this.lose(),
    );
  }

  private lose(): void {
    if (this.readyState === WebSocket.CLOSED) return;
    this.close();
    this.onclose?.(new CloseEvent("close"));
  }

  close(): void {
    this.readyState = WebSocket.CLOSED;
    this.source.close();
  }
}
