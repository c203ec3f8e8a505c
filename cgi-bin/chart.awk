#!/usr/bin/awk -f
# A bar chart from the query
# shows: a picture may be text: SVG, drawn from numbers in the URL, in a language from 1977
# §: RFC 3875 §4.1.7, §6.3.1
# try: /cgi-bin/chart.awk?data=3,1,4,1,5,9,2,6
BEGIN {
  query = ENVIRON["QUERY_STRING"]
  sub(/^data=/, "", query)
  gsub(/%2[Cc]/, ",", query)
  count = split(query, word, ",")
  for (i = 1; i <= count && bars < 40; i++)
    if (word[i] ~ /^[0-9]+(\.[0-9]+)?$/ && length(word[i]) < 10) {
      value[++bars] = word[i] + 0
      if (value[bars] > most) most = value[bars]
    }
  if (!bars || !most) {
    print "Status: 400 Bad Request\nContent-Type: text/plain\n\nGive me numbers: chart.awk?data=3,1,4,1,5"
    exit
  }
  print "Content-Type: image/svg+xml\n"
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d 240\" font-family=\"sans-serif\" font-size=\"13\"", bars * 40 + 40
  print " text-anchor=\"middle\" fill=\"#0d6b63\"><rect width=\"100%\" height=\"100%\" fill=\"#f4f6f4\"/>"
  for (i = 1; i <= bars; i++) {
    height = value[i] / most * 170
    printf "<rect x=\"%d\" y=\"%.1f\" width=\"28\" height=\"%.1f\" rx=\"2\"/>", i * 40 - 14, 210 - height, height
    printf "<text x=\"%d\" y=\"%.1f\">%s</text>\n", i * 40, 202 - height, value[i]
  }
  print "<path d=\"M20 210.5H" bars * 40 + 20 "\" stroke=\"#5c6a64\"/></svg>"
}
