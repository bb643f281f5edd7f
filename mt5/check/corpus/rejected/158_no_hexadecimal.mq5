// 158: A letter that is no hexadecimal digit.
void OnTick() { Print(0x1G); }
