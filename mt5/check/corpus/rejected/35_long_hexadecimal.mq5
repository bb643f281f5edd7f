// 35: More than 16 hexadecimal digits.
void OnTick() { Print(0x11112222333344445); }
