// The menu of the page: documents, settings for agents, light and dark.
import { byId, copyText, h } from '../shared/dom.js';
import { showDialog } from './dialog.js';
import { openMenu } from './menu.js';
import { showShortcuts } from './shortcuts.js';

export function mcpSettings(url, locked) {
  const server = { url, ...(locked && { headers: { 'X-AIO-API-Key': '…' } }) };
  return JSON.stringify({ mcpServers: { sandgate: server } }, null, 2);
}

// Any answer but 404 says that it is served; a stream it may begin is not listened to.
async function hasMcp(gateway) {
  const stop = new AbortController();
  const answer = await gateway.fetch('mcp', { signal: stop.signal }).catch(() => null);
  stop.abort();
  return answer !== null && answer.status !== 404;
}

async function showMcp({ gateway, notice }) {
  await gateway.learnWhetherLocked();
  const text = mcpSettings(gateway.url('mcp').href, gateway.locked);
  const copy = async () => notice((await copyText(text)) ? 'Copied' : 'This browser does not let pages copy');
  showDialog({
    title: 'MCP settings',
    body: [
      h('p', {}, 'For a client of the Model Context Protocol that takes streamable HTTP:'),
      h('pre.block', { tabIndex: 0 }, text),
      gateway.locked && h('p', {}, 'Put the sandbox’s key in place of the dots.'),
    ],
    buttons: [{ label: 'Copy', act: copy, stay: true, primary: true }, { label: 'Close' }],
  });
}

const themes = [['system', 'Theme: as the system'], ['dark', 'Dark'], ['light', 'Light']];

export function wireMenu(context) {
  const button = byId('menu');
  let known = null;
  button.onclick = async () => {
    const theme = globalThis.sandgateTheme;
    const mcp = { label: 'MCP settings…', act: () => showMcp(context) };
    const add = openMenu(button, [
      ...themes.map(([name, label]) => ({ label, checked: theme.choice === name, act: () => theme.choose(name) })),
      null,
      { label: 'API reference', href: 'v1/docs', target: '_blank' },
      { label: 'Manual for agents (llms.txt)', href: 'llms.txt', target: '_blank' },
      { label: 'Keyboard shortcuts', hint: '?', act: showShortcuts },
      ...(known ? [mcp] : []),
    ]);
    if (!add || known !== null) return;
    known = await hasMcp(context.gateway);
    if (known) add([mcp]);
  };
}
