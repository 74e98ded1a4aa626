"""Opens a database with the real Python MemoryGraph and prints what it finds, as JSON."""
import asyncio
import json
import sys

from memorygraph.backends.sqlite_fallback import SQLiteFallbackBackend
from memorygraph.models import SearchQuery
from memorygraph.sqlite_database import SQLiteMemoryDatabase


async def main(path, words):
    backend = SQLiteFallbackBackend(db_path=path)
    await backend.connect()
    database = SQLiteMemoryDatabase(backend)
    await database.initialize_schema()
    found = {}
    for word in words:
        memories = await database.search_memories(SearchQuery(query=word, limit=1000))
        found[word] = sorted(memory.id for memory in memories)
    one = await database.get_memory("8091baaf-7f37-49e3-a175-d19facfd208b")
    related = await database.get_related_memories("741cb5ac-d0a7-4afa-98ca-4a0b8b78d4ce", max_depth=1)
    result = {
        "found": found,
        "one": one.model_dump(mode="json"),
        "related": sorted(str(relationship.id) for _, relationship in related),
        "statistics": await database.get_memory_statistics(),
    }
    print(json.dumps(result, default=str, sort_keys=True))


asyncio.run(main(sys.argv[1], sys.argv[2:]))
