"""Prints the input of the jq recording: six documents of orders, the same at every run."""
import json, random
random.seed(5)
words = "alloc free wait grant queue block region guard node heap".split()
for count in (60, 400, 20, 150, 400, 60):
    print(json.dumps({"orders": [
        {"id": i, "who": random.choice(words) + str(random.randrange(99)),
         "lines": [{"item": random.choice(words), "count": random.randrange(1, 10),
                    "price": random.randrange(10000) / 100} for _ in range(random.randrange(1, 5))]}
        for i in range(count)]}))
