#!/usr/bin/env python3
# Cookies: the browser remembers for you
# shows: Set-Cookie goes out once for each cookie; they come back together in HTTP_COOKIE
# §: RFC 3875 §4.1.18, §9.7
# try: /cgi-bin/cookies.py
import html, os

sent = os.environ.get("HTTP_COOKIE", "")
jar = dict(cookie.strip().partition("=")[::2] for cookie in sent.split(";"))
forget = os.environ.get("QUERY_STRING") == "forget"
visits = jar.get("visits", "")
visits = int(visits) + 1 if visits.isascii() and visits.isdigit() and len(visits) < 7 else 1  # a client may send anything
keep = "Path=/cgi-bin/; SameSite=Lax; HttpOnly; Max-Age=" + ("0" if forget else "86400")

print(f"Set-Cookie: visits={visits}; {keep}")
print(f"Set-Cookie: last=cookies.py; {keep}")
print("Content-Type: text/html; charset=utf-8\nCache-Control: no-store\n")
said = "Forgotten. Come again." if forget else f"Your visit number {visits}, says your browser."
print(f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/style.css"><title>Cookies</title><main class="plain"><h1>Cookies</h1><p>{said}</p>
<p>It sent: <code>{html.escape(sent or "nothing")}</code></p>
<p><a href="?">Visit again</a> · <a href="?forget">Forget me</a></p></main>""")
