// 45: Numbers with and without a sign are compared.
void OnTick() { uint size = GetTickCount(); int wanted = StringLen("abc"); if(size > wanted) Print(size); }
