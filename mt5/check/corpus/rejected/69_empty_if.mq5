// 69: A semicolon after if.
void OnTick() { if(IsStopped()); Print("x"); }
