// 114: A character that does not end.
void OnTick() { int a = 'x; Print(a); }
