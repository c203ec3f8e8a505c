#!/usr/bin/env node
// A form in Node: GET, POST and file upload
// shows: the web platform's own classes read both encodings: URLSearchParams and Response.formData()
// §: RFC 3875 §4.1.7, §4.2
// try: curl -F name=Ada -F file=@README.md localhost:8000/cgi-bin/form.js
const { REQUEST_METHOD: method = 'GET', QUERY_STRING: query = '', CONTENT_TYPE: type = '', CONTENT_LENGTH: length } = process.env;
const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const html = (text) => text.replace(/[&<>"]/g, (c) => escapes[c]);
const row = ([name, value]) =>
  `<tr><th scope="row">${html(name)}</th><td>${html(
    typeof value === 'string' ? value : `${value.name}: ${value.size} bytes, ${value.type}`,
  )}</td></tr>`;

async function main() {
  if (Number(length ?? 0) > 8 * 2 ** 20) {
    return 'Status: 413 Content Too Large\nContent-Type: text/plain\n\n8 MiB are enough for an exercise.\n';
  }
  const pieces = [];
  for await (const piece of process.stdin) pieces.push(piece);
  const body = Buffer.concat(pieces);
  const came = [...new URLSearchParams(query)];
  if (/^(multipart\/form-data|application\/x-www-form-urlencoded)/i.test(type)) {
    try {
      came.push(...(await new Response(body, { headers: { 'Content-Type': type } }).formData()));
    } catch {
      return 'Status: 400 Bad Request\nContent-Type: text/plain\n\nThe body is not what its Content-Type says.\n';
    }
  }
  return `Content-Type: text/html; charset=utf-8

<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/style.css"><title>Form</title><main class="plain"><h1>What came in</h1>
<p>${html(method)}, ${body.length} bytes on stdin</p><table>${came.map(row).join('\n')}</table>
<p><a href="/form.html">To the form</a></p></main>
`;
}

main().then((answer) => process.stdout.write(answer));
