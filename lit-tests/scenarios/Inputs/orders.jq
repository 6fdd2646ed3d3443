# Recorded as jq.mn.xz: of each document the five who ordered most, and what.
.orders | group_by(.who)
| map({who: .[0].who, total: (map(.lines[] | .count * .price) | add),
       items: (map(.lines[].item) | unique)})
| sort_by(-.total) | .[:5]
