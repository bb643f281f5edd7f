// 36: 0x without digits.
void OnTick() { Print(0x); }
