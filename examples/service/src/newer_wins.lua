-- Writes what an event says about a meeting's stream, unless a newer one has been written. If two have the same time, the
-- stop wins. What is written is also published, so that a waiting copy of the service learns of it at once.
-- KEYS[1]: the meeting's key. ARGV: state, event_ts, when to forget it (both in milliseconds since the Unix epoch), channel, meeting.
local state, event_ts = ARGV[1], tonumber(ARGV[2])
local known_state, known_ts = string.match(redis.call('GET', KEYS[1]) or '', '^(%a+) (%d+)$')
if known_ts then
    known_ts = tonumber(known_ts)
    if known_ts > event_ts or (known_ts == event_ts and (known_state == 'stopped' or state == 'running')) then
        return 0
    end
end
local told = state .. ' ' .. ARGV[2]
redis.call('SET', KEYS[1], told, 'PXAT', ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[5] .. ' ' .. told)
return 1
