// 112: An unterminated string.
void OnTick() { Print("abc); }
