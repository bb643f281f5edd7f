// 112: A string that does not end.
void OnTick() { Print("abc); }
