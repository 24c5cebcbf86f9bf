// Dark or light: what was chosen on the dashboard, else what the system prefers. A plain script that
// runs before anything is drawn, on every page, so that none of them flashes and frames follow the
// page around them: <html data-theme> says what is in force, the event `themechange` that it changed.
(() => {
  const KEY = 'sandgate:theme';
  const system = matchMedia('(prefers-color-scheme: light)');
  const root = document.documentElement;
  let chosen = null;

  function recall() {
    try {
      chosen = localStorage.getItem(KEY);
    } catch {
      // Storage may be refused: then the choice lasts for the page.
    }
  }

  function apply() {
    const theme = chosen === 'light' || chosen === 'dark' ? chosen : system.matches ? 'light' : 'dark';
    if (root.dataset.theme === theme) return;
    root.dataset.theme = theme;
    dispatchEvent(new Event('themechange'));
  }

  globalThis.sandgateTheme = {
    get choice() { return chosen === 'light' || chosen === 'dark' ? chosen : 'system'; },
    choose(choice) {
      chosen = choice === 'system' ? null : choice;
      try {
        if (chosen) localStorage.setItem(KEY, chosen);
        else localStorage.removeItem(KEY);
      } catch {
        // See above.
      }
      apply();
    },
  };

  system.addEventListener('change', apply);
  addEventListener('storage', ({ key }) => {
    if (key !== KEY && key !== null) return;
    recall();
    apply();
  });
  recall();
  apply();
})();
