// Runs before the first paint, so that the page never flashes in the other theme.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("tapewatch.theme");
  } catch (blocked) {
    // Storage is forbidden in this browser: the system's theme is used.
  }
  var isLight = chosen ? chosen === "light" : matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.dataset.theme = isLight ? "light" : "dark";
})();
