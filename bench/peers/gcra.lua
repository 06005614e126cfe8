-- SPDX-License-Identifier: MIT
-- GCRA as Redis users write it: KEYS[1], burst, count per period, period in seconds.  Returns
-- limited, limit, remaining, retry after, reset after, as CL.THROTTLE does.
local burst, count, period = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local interval = period / count
local offset = interval * (burst + 1)
local time = redis.call("TIME")
local now = time[1] + time[2] / 1000000
local arrival = tonumber(redis.call("GET", KEYS[1]) or now)
if arrival < now then arrival = now end
local allowed_at = arrival + interval - offset
if allowed_at > now then
    return {1, burst + 1, 0, math.ceil(allowed_at - now), math.ceil(arrival - now)}
end
local fresh = arrival + interval
redis.call("SET", KEYS[1], fresh, "PX", math.ceil((fresh - now) * 1000))
return {0, burst + 1, math.floor((offset - (fresh - now)) / interval), -1, math.ceil(fresh - now)}
