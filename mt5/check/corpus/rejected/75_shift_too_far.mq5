// 75: A shift by more bits than there are.
void OnTick() { int bits = StringLen("abc") << 40; Print(bits); }
