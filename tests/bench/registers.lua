-- What wrk sends to either side, in the same shape: writes or linearizable reads of values of 100
-- bytes over 10,000 keys. The environment says to whom: BENCH_NODES ("host:port host:port …", which
-- the threads take in turn), BENCH_API (skep or etcd, through its JSON gateway), BENCH_DO (write or
-- read). Prints one line of JSON: requests per second, latencies in microseconds, what failed.

local keys = 10000
local etcd = os.getenv("BENCH_API") == "etcd"
local writes = os.getenv("BENCH_DO") == "write"

local nodes = {}
for node in os.getenv("BENCH_NODES"):gmatch("%S+") do nodes[#nodes + 1] = node end
local threads = 0

function setup(thread)
  local host, port = nodes[threads % #nodes + 1]:match("(.*):(%d+)")
  thread.addr = wrk.lookup(host, port)[1]
  thread:set("number", threads)
  threads = threads + 1
end

local function base64(text)
  local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  local out = {}
  for at = 1, #text, 3 do
    local a, b, c = text:byte(at, at + 2)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    for place = 3, 0, -1 do
      local digit = math.floor(bits / 64 ^ place) % 64
      out[#out + 1] = digits:sub(digit + 1, digit + 1)
    end
    if not b then out[#out - 1] = "=" end
    if not c then out[#out] = "=" end
  end
  return table.concat(out)
end

-- What stands before the value, by key; the values, of which each differs from the others; and what
-- stands behind one. So a request is made by putting three strings together.
local heads, values, tail = {}, {}, ""

local function head(key)
  if not etcd then
    local line = (writes and "PUT" or "GET") .. " /v1/kv/" .. key .. " HTTP/1.1\r\nHost: bench\r\n"
    return line .. (writes and "Content-Length: 100\r\n\r\n" or "\r\n")
  end
  local body = '{"key":"' .. base64(key) .. (writes and '","value":"' or '"')
  local size = #body + (writes and #values[1] or 0) + #tail
  return "POST /v3/kv/" .. (writes and "put" or "range") .. " HTTP/1.1\r\nHost: bench\r\n" ..
    "Content-Length: " .. size .. "\r\n\r\n" .. body
end

function init()
  math.randomseed(number)
  if writes then
    for n = 1, 97 do
      local value = ("%02d"):format(n) .. ("x"):rep(98)
      values[n] = etcd and base64(value) or value
    end
  end
  if etcd then tail = writes and '"}' or "}" end
  for n = 1, keys do heads[n] = head(("key:%012d"):format(n - 1)) end
end

function request()
  local start = heads[math.random(keys)]
  if not writes then return start .. tail end
  return start .. values[math.random(97)] .. tail
end

function done(summary, latency)
  local errors = summary.errors
  local line = '{"rps": %.1f, "p50_us": %d, "p99_us": %d, "failed": %d, "lost": %d}\n'
  io.write(line:format(summary.requests / summary.duration * 1e6, latency:percentile(50),
    latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
