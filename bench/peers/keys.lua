-- SPDX-License-Identifier: MIT
-- wrk asks with one of 100,000 keys at random: the argument is the path, which the key follows.
local requests, count = {}, 100000
function init(args)
    math.randomseed(1)
    for i = 1, count do
        requests[i] = wrk.format("GET", args[1] .. string.format("k%06d", i))
    end
end
function request()
    return requests[math.random(count)]
end
