// 75: A shift by more bits than the type has.
void OnTick() { int bits = StringLen("abc") << 40; Print(bits); }
