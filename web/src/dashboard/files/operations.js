// What is done to files beyond reading and writing. Names go to the shell as variables, never as
// text of a command, so none can be more than a name.

const FAILURE = /^(?:bash: |mv: |rm: |mkdir: )?(?:line \d+: )?/;

export class Operations {
  #client;

  constructor(client) {
    this.#client = client;
  }

  list(path) {
    return this.#client.post('v1/file/list', { path, include_permissions: true });
  }

  makeFolder(path) {
    return this.#run('mkdir -- "$SG_PATH"', { SG_PATH: path });
  }

  // Never over one that is there.
  makeFile(path) {
    return this.#run('set -C; : > "$SG_PATH"', { SG_PATH: path });
  }

  rename(from, to) {
    const command = 'if [ -e "$SG_TO" ] || [ -L "$SG_TO" ]; then echo "There is already something of that name." >&2; exit 1; fi; mv -nT -- "$SG_FROM" "$SG_TO"';
    return this.#run(command, { SG_FROM: from, SG_TO: to });
  }

  remove(path) {
    return this.#run('rm -rf -- "$SG_PATH"', { SG_PATH: path });
  }

  // Resolves to what went wrong, '' when nothing did.
  async #run(command, env) {
    try {
      const done = await this.#client.post('v1/bash/exec', { command, env, timeout: 60 }, { timeout: 90000 });
      if (done.exit_code === 0) return '';
      if (done.status === 'running') return 'It takes longer than a minute and goes on in the background.';
      return done.stderr.trim().split('\n')[0].replace(FAILURE, '') || `It failed with exit code ${done.exit_code}.`;
    } catch (error) {
      return error.message;
    }
  }

  address(path) {
    const url = this.#client.gateway.url('v1/file/download');
    url.searchParams.set('path', path);
    return url;
  }

  // The version on disk: { etag, size, type }, or null when it is not there.
  async version(path) {
    const answer = await this.#client.fetch(`v1/file/download?path=${encodeURIComponent(path)}`, { method: 'HEAD' });
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`The file cannot be read (${answer.status}).`);
    return { etag: answer.headers.get('ETag'), size: Number(answer.headers.get('Content-Length')) };
  }

  async read(path) {
    const answer = await this.#client.fetch(`v1/file/download?path=${encodeURIComponent(path)}`, { timeout: 120000 });
    if (!answer.ok) throw new Error((await answer.json().catch(() => null))?.message ?? `The file cannot be read (${answer.status}).`);
    return { etag: answer.headers.get('ETag'), bytes: new Uint8Array(await answer.arrayBuffer()) };
  }

  write(path, content) {
    return this.#client.post('v1/file/write', { file: path, content }, { timeout: 120000 });
  }
}
