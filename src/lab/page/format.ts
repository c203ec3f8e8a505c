/** Numbers as people read them. Pure. */

/** Three digits that matter: `0.75 ms`, `15.9 ms`, `1.24 s`. */
export const ms = (value: number): string => (value < 1000 ? `${digits(value)} ms` : `${digits(value / 1000)} s`);

export const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

export const bytes = (count: number): string =>
  count < 1024 ? `${count} B` : count < 1024 ** 2 ? `${digits(count / 1024)} KiB` : `${digits(count / 1024 ** 2)} MiB`;

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** `12:01:33.120`, as the clock on the wall has it. */
export const clock = (at: number): string => {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
};

export const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
