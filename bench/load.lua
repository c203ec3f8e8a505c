-- What wrk sends (`-- BYTES`: a POST of that size; else a GET), and its result as one line of JSON in place of rounded words.
function init(arguments)
  if arguments[1] then
    wrk.method = 'POST'
    wrk.body = string.rep('x', tonumber(arguments[1]))
    wrk.headers['Content-Type'] = 'application/octet-stream'
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.status, e.timeout))
end
