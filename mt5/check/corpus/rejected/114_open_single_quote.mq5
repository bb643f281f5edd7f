// 114: An unterminated character.
void OnTick() { int a = 'x; Print(a); }
