// The clipboard panel: shows the desktop's clipboard, takes text for it, and drives the sync.
import { byId, copyText } from '../shared/dom.js';
import { ClipboardSync, localClipboard, setSyncWanted, syncWanted } from './clipboard.js';

export class ClipboardPanel {
  #sync;
  #say;

  // say(text): a passing remark.
  constructor(screen, say) {
    this.#say = say;
    this.#sync = new ClipboardSync(localClipboard, (text) => screen.sendClipboard(text));
    screen.addEventListener('clipboard', ({ detail }) => this.#received(detail.text));
    this.#wirePanel();
    this.#watchUse();
  }

  // Gives a text to the desktop; resolves when it is there.
  async share(text) {
    if (await this.#sync.share(text)) byId('clip-text').value = text;
    else this.#say('Too long for the desktop’s clipboard: 1 MiB at most');
  }

  connected() {
    this.#sync.forget();
    this.#fetch();
  }

  #received(text) {
    byId('clip-text').value = text;
    if (syncWanted()) this.#sync.received(text);
  }

  #wirePanel() {
    const area = byId('clip-text');
    const sync = byId('clip-sync');
    area.addEventListener('change', () => this.share(area.value));
    byId('clip-copy').onclick = async () => {
      this.#say(await copyText(area.value) ? 'Copied to this computer' : 'The browser does not allow copying here');
    };
    byId('clip-paste').hidden = !localClipboard.readable();
    byId('clip-paste').onclick = () => this.#take();
    sync.checked = syncWanted();
    sync.onchange = () => {
      setSyncWanted(sync.checked);
      if (sync.checked && localClipboard.readable()) this.#take();
    };
    byId('clip-plain').hidden = localClipboard.readable();
  }

  async #take() {
    try {
      const text = await this.#sync.fetch({ insist: true });
      if (text === null) {
        this.#say('Nothing to send');
        return;
      }
      byId('clip-text').value = text;
      this.#say('Sent to the desktop');
    } catch {
      this.#say('The browser does not allow reading the clipboard');
    }
  }

  async #fetch() {
    if (!syncWanted()) return;
    const text = await this.#sync.fetch().catch(() => null);
    if (text !== null) byId('clip-text').value = text;
  }

  // Coming back to the page takes the clipboard along; any use of it is a chance to deliver.
  #watchUse() {
    window.addEventListener('focus', () => this.#fetch());
    for (const type of ['pointerup', 'keyup']) {
      document.addEventListener(type, () => { if (syncWanted()) this.#sync.pay(); }, { capture: true });
    }
  }
}
