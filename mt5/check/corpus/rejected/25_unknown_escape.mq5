// 25: An escape sequence that does not exist.
void OnTick() { Print("a\qb"); }
