// Paths of the sandbox, and how they stand in the address of the page.

export const join = (folder, name) => (folder === '/' ? `/${name}` : `${folder}/${name}`);

export function parentOf(path) {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

export const nameOf = (path) => path.slice(path.lastIndexOf('/') + 1);

// '/a//b/./../c/' → '/a/c'
export function tidy(path) {
  const parts = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

// The steps that lead to a path; those above `base` are one, shown by its name.
export function crumbs(path, base) {
  const inside = path === base || path.startsWith(`${base}/`);
  const steps = inside && base !== '/' ? [{ label: nameOf(base), path: base }] : [{ label: '/', path: '/' }];
  const from = inside && base !== '/' ? base : '';
  let at = from;
  for (const part of path.slice(from.length).split('/').filter(Boolean)) {
    at += `/${part}`;
    steps.push({ label: part, path: at });
  }
  return steps;
}

export const toAddress = (path) => path.split('/').map(encodeURIComponent).join('/');

export function fromAddress(rest) {
  try {
    return tidy(rest.split('/').map(decodeURIComponent).join('/'));
  } catch {
    return tidy(rest);
  }
}

// What keeps a name from being one ('' when nothing does).
export function nameProblem(name) {
  if (!name.trim()) return 'A name is needed.';
  if (name === '.' || name === '..') return 'That name means another folder.';
  if (name.includes('/')) return 'A name cannot hold a slash.';
  if (name.includes('\0')) return 'A name cannot hold that character.';
  if (new TextEncoder().encode(name).length > 255) return 'That name is too long.';
  return '';
}

const IMAGES = /\.(png|jpe?g|gif|webp|avif|svg|ico|bmp)$/i;
const VIDEOS = /\.(mp4|webm)$/i;
const SOUNDS = /\.(mp3|wav|ogg|m4a|flac)$/i;

export function kindOf(name) {
  if (IMAGES.test(name)) return 'image';
  if (VIDEOS.test(name)) return 'video';
  if (SOUNDS.test(name)) return 'audio';
  return 'text';
}
