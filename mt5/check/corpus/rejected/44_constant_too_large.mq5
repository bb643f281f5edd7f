// 44: A constant that does not fit.
void OnTick() { uchar small = 256; Print(small); }
