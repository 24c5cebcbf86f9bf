// The display panel: how the picture is fitted, how good it is, and whether input is sent.
import { byId } from '../shared/dom.js';

export function wireSettings(screen, say) {
  const radios = document.querySelectorAll('input[name="resize"]');
  for (const radio of radios) {
    radio.checked = radio.value === screen.settings.resize;
    radio.onchange = () => screen.set({ resize: radio.value });
  }
  const quality = byId('quality');
  quality.value = String(screen.settings.quality);
  quality.onchange = () => screen.set({ quality: Number(quality.value) });
  const viewOnly = byId('view-only');
  viewOnly.checked = screen.settings.viewOnly;
  viewOnly.onchange = () => {
    screen.set({ viewOnly: viewOnly.checked });
    say(viewOnly.checked ? 'View only: the desktop gets no input' : 'The desktop gets your input');
  };
  byId('photograph').onclick = () => download(screen);
}

async function download(screen) {
  const blob = await screen.photograph();
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = `desktop-${new Date().toISOString().replace(/[:.]/g, '-').slice(0, 19)}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Full screen, where the browser has it (a phone's Safari has not, nor an iframe without leave).
export function wireFullScreen(button) {
  button.hidden = !document.fullscreenEnabled;
  const show = () => {
    const on = Boolean(document.fullscreenElement);
    button.setAttribute('aria-pressed', String(on));
    button.setAttribute('aria-label', on ? 'Leave full screen' : 'Full screen');
    button.title = button.getAttribute('aria-label');
  };
  button.onclick = () => {
    const change = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
    change.catch(() => {});
  };
  document.addEventListener('fullscreenchange', show);
  show();
}
