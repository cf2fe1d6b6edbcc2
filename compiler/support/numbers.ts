/** Numbers as people read them, on terminals and on pages. */

/** "1,234,567". */
export function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}

const UNITS = ["", "k", "M", "G", "T", "P"];

/** "12.3 k", "4.56 G": three digits and the power of a thousand. */
export function scaled(n: number, unit: string): string {
  const power = n < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(n) / 3 + 1e-12));
  const value = n / 1000 ** power;
  const digits = power === 0 && Number.isInteger(n) ? 0 : value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[power]}${unit}`.trimEnd();
}

/** "1.23 MB". */
export function bytesText(n: number): string {
  return scaled(n, "B");
}
