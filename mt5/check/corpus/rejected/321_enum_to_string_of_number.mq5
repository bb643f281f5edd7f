// 321: EnumToString of a number.
void OnTick() { Print(EnumToString(5)); }
