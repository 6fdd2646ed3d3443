-- Recorded as sqlite3.mn.xz: tables, three indexes, joins, a sort, updates, and a vacuum at the end.
PRAGMA journal_mode = MEMORY;
PRAGMA page_size = 512;
PRAGMA cache_size = 200;
CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT, weight REAL, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
INSERT INTO word SELECT i, printf('%08x', (i * 2654435761) % 4294967296), (i * 7919 % 1000) / 10.0,
                        substr('an asynchronous allocator makes requests wait', i % 20, 5 + i % 24) FROM n;
CREATE INDEX word_text ON word (text);
CREATE INDEX word_note_weight ON word (note, weight DESC);
SELECT count(DISTINCT note), group_concat(DISTINCT substr(text, 1, 1)) FROM word;
CREATE TABLE pair AS SELECT a.id AS a, b.id AS b FROM word a JOIN word b ON b.text > a.text AND b.id < 40 WHERE a.id < 400;
CREATE INDEX pair_b ON pair (b, a);
SELECT b, count(*) FROM pair GROUP BY b ORDER BY 2 DESC LIMIT 3;
DROP INDEX word_text;
UPDATE word SET note = upper(note) WHERE id % 7 = 0;
DELETE FROM word WHERE id % 3 = 0;
VACUUM;
