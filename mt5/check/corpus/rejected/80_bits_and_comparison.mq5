// 80: & of a comparison.
void OnTick() { int flags = StringLen("abc"); if(flags & 1 == 1) Print(flags); }
