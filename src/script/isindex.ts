/**
 * RFC 3875 §4.4: an indexed query (`?one+two`) as the script's arguments. Off unless asked for, and then narrow: the same
 * door let `php-cgi -s` show sources (CVE-2012-1823) and `-d` run code (CVE-2024-4577). Pure.
 */
export const indexedQuery = (method: string, query: string): readonly string[] => {
  // §4.4 — GET and HEAD only, and only a query with no unencoded "=".
  if ((method !== 'GET' && method !== 'HEAD') || query === '' || query.includes('=')) return [];
  const words: string[] = [];
  for (const piece of query.split('+')) {
    let word: string;
    try {
      word = decodeURIComponent(piece);
    } catch {
      return [];
    }
    // §4.4 — if one word cannot be given, none may be.
    if (word.startsWith('-') || !/^[\x20-\x7e]*$/.test(word)) return [];
    words.push(word.replace(/[^\w@%+=:,./-]/g, '\\$&')); // §7.2 — shell metacharacters are escaped.
  }
  return words;
};
