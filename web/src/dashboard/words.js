// Numbers and times in words.

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

// 0 → '0 B', 1536 → '1.5 KB': powers of 1024, at most three digits.
export function sizeText(bytes) {
  if (bytes === null || bytes === undefined) return '';
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${UNITS[unit]}`;
}

export function durationText(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

// Today the time is enough, this year the day.
export function dateText(iso, now = new Date()) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  if (date.toDateString() === now.toDateString()) return date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  const options = { day: 'numeric', month: 'short' };
  if (date.getFullYear() !== now.getFullYear()) return date.toLocaleDateString([], { ...options, year: 'numeric' });
  return `${date.toLocaleDateString([], options)}, ${date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}`;
}

export const fullDateText = (iso) => new Date(iso).toLocaleString();

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
