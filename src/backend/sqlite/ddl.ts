/**
 * The tables and indexes of the two layouts, byte for byte as the programs that own them write them into
 * `sqlite_master` (white space included): a file made by us must look to them like one of their own.
 * `test/backend/sqlite/ddl.test.ts` compares them with the fixtures.
 */
import type { SqliteLayout } from "../StoreConfig.ts"

/** What a layout is made of: name to statement, in the order of creation. */
export interface LayoutDdl {
  /** The table of the nodes, under its name. */
  readonly nodes: { readonly name: "nodes" | "memories"; readonly sql: string }
  readonly relationships: string
  /**
   * Full-text tables. The seed layout's one has columns that its content table lacks, so every query on it fails; its
   * owner expects it all the same.
   */
  readonly fulltext: { readonly [name: string]: string }
  readonly indexes: { readonly [name: string]: string }
}

const seed: LayoutDdl = {
  nodes: {
    name: "nodes",
    sql: `CREATE TABLE nodes (
                    id TEXT PRIMARY KEY,
                    label TEXT NOT NULL,
                    properties TEXT NOT NULL,
                    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
                )`
  },
  relationships: `CREATE TABLE relationships (
                    id TEXT PRIMARY KEY,
                    from_id TEXT NOT NULL,
                    to_id TEXT NOT NULL,
                    rel_type TEXT NOT NULL,
                    properties TEXT NOT NULL,
                    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,

                    -- Bi-temporal tracking fields (Phase 2.2)
                    valid_from TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
                    valid_until TIMESTAMP,
                    recorded_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
                    invalidated_by TEXT,

                    FOREIGN KEY (from_id) REFERENCES nodes(id) ON DELETE CASCADE,
                    FOREIGN KEY (to_id) REFERENCES nodes(id) ON DELETE CASCADE,
                    FOREIGN KEY (invalidated_by) REFERENCES relationships(id) ON DELETE SET NULL
                )`,
  fulltext: {
    nodes_fts: `CREATE VIRTUAL TABLE nodes_fts USING fts5(
                        id,
                        title,
                        content,
                        summary,
                        content='nodes',
                        content_rowid='rowid'
                    )`
  },
  indexes: {
    idx_nodes_label: `CREATE INDEX idx_nodes_label ON nodes(label)`,
    idx_nodes_created: `CREATE INDEX idx_nodes_created ON nodes(created_at)`,
    idx_rel_from: `CREATE INDEX idx_rel_from ON relationships(from_id)`,
    idx_rel_to: `CREATE INDEX idx_rel_to ON relationships(to_id)`,
    idx_rel_type: `CREATE INDEX idx_rel_type ON relationships(rel_type)`,
    idx_relationships_temporal: `CREATE INDEX idx_relationships_temporal
                ON relationships(valid_from, valid_until)
            `,
    idx_relationships_current: `CREATE INDEX idx_relationships_current
                ON relationships(valid_until)
                WHERE valid_until IS NULL
            `,
    idx_relationships_recorded: `CREATE INDEX idx_relationships_recorded
                ON relationships(recorded_at)
            `,
    idx_nodes_memory: `CREATE INDEX idx_nodes_memory ON nodes(label) WHERE label = 'Memory'`
  }
}

const column: LayoutDdl = {
  nodes: {
    name: "memories",
    sql: `CREATE TABLE memories (
        id TEXT PRIMARY KEY,
        type TEXT NOT NULL,
        title TEXT NOT NULL,
        content TEXT NOT NULL,
        summary TEXT,
        tags TEXT NOT NULL DEFAULT '[]',
        importance REAL NOT NULL DEFAULT 0.5,
        confidence REAL NOT NULL DEFAULT 0.8,
        effectiveness REAL,
        usage_count INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        last_accessed TEXT,
        version INTEGER NOT NULL DEFAULT 1,
        updated_by TEXT,
        context TEXT
      )`
  },
  relationships: `CREATE TABLE relationships (
        id TEXT PRIMARY KEY,
        from_id TEXT NOT NULL,
        to_id TEXT NOT NULL,
        rel_type TEXT NOT NULL,
        strength REAL NOT NULL DEFAULT 0.5,
        confidence REAL NOT NULL DEFAULT 0.8,
        context TEXT,
        evidence_count INTEGER NOT NULL DEFAULT 1,
        success_rate REAL,
        created_at TEXT NOT NULL,
        last_validated TEXT NOT NULL,
        validation_count INTEGER NOT NULL DEFAULT 0,
        counter_evidence_count INTEGER NOT NULL DEFAULT 0,
        valid_from TEXT NOT NULL,
        valid_until TEXT,
        recorded_at TEXT NOT NULL,
        invalidated_by TEXT,
        FOREIGN KEY (from_id) REFERENCES memories(id) ON DELETE CASCADE,
        FOREIGN KEY (to_id) REFERENCES memories(id) ON DELETE CASCADE
      )`,
  fulltext: {},
  indexes: {
    idx_memories_type: `CREATE INDEX idx_memories_type ON memories(type)`,
    idx_memories_importance: `CREATE INDEX idx_memories_importance ON memories(importance)`,
    idx_memories_created_at: `CREATE INDEX idx_memories_created_at ON memories(created_at)`,
    idx_relationships_from: `CREATE INDEX idx_relationships_from ON relationships(from_id)`,
    idx_relationships_to: `CREATE INDEX idx_relationships_to ON relationships(to_id)`,
    idx_relationships_type: `CREATE INDEX idx_relationships_type ON relationships(rel_type)`
  }
}

/** Both layouts. */
export const DDL: { readonly [L in SqliteLayout]: LayoutDdl } = { seed, column }
