-- Recorded as lua.mn.xz: word counts over generated text, a sort and a report, three times over.
local function random(seed)
  return function(n) seed = (seed * 1103515245 + 12345) % 2147483648; return seed // 65536 % n + 1 end
end
local next_random = random(7)
local syllables = { "ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "wu" }
for round = 1, 3 do
  local words = {}
  for i = 1, 900 * round do
    local parts = {}
    for j = 1, 2 + next_random(3) do parts[j] = syllables[next_random(#syllables)] end
    words[i] = table.concat(parts) 
  end
  local counts, firsts = {}, {}
  for i, word in ipairs(words) do
    counts[word] = (counts[word] or 0) + 1
    firsts[word] = firsts[word] or { word = word, at = i }
  end
  local order = {}
  for word in pairs(counts) do order[#order + 1] = firsts[word] end
  table.sort(order, function(a, b)
    if counts[a.word] ~= counts[b.word] then return counts[a.word] > counts[b.word] end
    return a.at < b.at
  end)
  for i = 1, 3 do io.write(order[i].word, " ", counts[order[i].word], "\n") end
  local text = table.concat(words, " ")
  io.write(#text:gsub("%a+", string.upper), "\n")
  words, counts, firsts, order, text = nil, nil, nil, nil, nil
  collectgarbage()
end
