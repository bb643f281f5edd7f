// 69: A semicolon behind if.
void OnTick() { if(IsStopped()); Print("x"); }
