/**
 * What runs inside Redis: each script on one key, so that any slot of a cluster serves it.
 *
 * @module
 */

/**
 * `takeGcra` and `believableState`, on the server's clock. Milliseconds count from 2025 so that doubles resolve nanoseconds;
 * numbers that need not be whole travel as text, since a reply of Redis cuts them.
 */
export const takeScript: string = `local t = redis.call('TIME')
local now = (t[1] - 1735689600) * 1000 + t[2] / 1000
local unit, burst, n, min = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local depth = burst * unit
local state, written = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+) (%S+)')
state = tonumber(state) or now
local function keep(full)
  local ttl = math.ceil(full - now)
  if ttl > 0 then redis.call('SET', KEYS[1], string.format('%.17g %.17g', full, depth), 'PX', ttl)
  else redis.call('DEL', KEYS[1]) end
end
if state > now + math.max(tonumber(written) or 0, depth) + 1 then
  state = now + depth
  if n ~= 0 then keep(state) end
end
local from = math.min(math.max(state, now), now + depth)
local available = now + depth - from
local units = math.floor(available / unit + 1e-6)
local granted = math.min(n, units)
if n >= 0 and granted < min then
  local retry = -1
  if min <= burst + 1e-6 then retry = math.max(0, min * unit - available) end
  return {0, units, string.format('%.6f', retry), string.format('%.6f', from - now)}
end
local full = math.max(now, from + granted * unit)
if n ~= 0 then keep(full) end
local left = math.floor((now + depth - full) / unit + 1e-6)
return {math.max(0, granted), left, '0', string.format('%.6f', full - now)}`;

/**
 * Versions grow, also over a removal: the server's microseconds, or one more than the last. What somebody else wrote has the
 * version '', so that it can be replaced.
 */
export const setScript: string = `local stored = redis.call('GET', KEYS[1])
if stored == '' then stored = false end
local version = stored and (string.match(stored, '^(%d+)\\n') or '')
if ARGV[1] == 'absent' and stored or ARGV[1] == 'version' and version ~= ARGV[2] then return false end
if ARGV[3] == '0' then
  redis.call('DEL', KEYS[1])
  redis.call('PUBLISH', KEYS[1], '')
  return ''
end
local t = redis.call('TIME')
local new = string.format('%.0f', math.max(t[1] * 1000000 + t[2], (tonumber(version) or 0) + 1))
local value = new .. '\\n' .. ARGV[4]
if ARGV[5] == '' then redis.call('SET', KEYS[1], value)
else redis.call('SET', KEYS[1], value, 'PX', ARGV[5]) end
redis.call('PUBLISH', KEYS[1], value)
return new`;
