# Mistake: no first line that names an interpreter
# shows: a shell would guess and run it; the system does not: 500
# §: execve(2), RFC 3875 §3.4
# try: curl -i localhost:8000/cgi-bin/broken/no-shebang.sh
echo 'Content-Type: text/plain'
echo
echo 'You never see this.'
