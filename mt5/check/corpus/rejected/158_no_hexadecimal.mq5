// 158: A letter that is not a hexadecimal digit.
void OnTick() { Print(0x1G); }
