// 256: A variable that is not declared.
void OnTick() { Print(nothing); }
