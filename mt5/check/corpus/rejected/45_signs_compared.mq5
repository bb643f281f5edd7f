// 45: Signed and unsigned numbers are compared.
void OnTick() { uint size = GetTickCount(); int wanted = StringLen("abc"); if(size > wanted) Print(size); }
