// 53: OnStart in an expert advisor.
void OnTick() { Print("x"); }
void OnStart() { Print("y"); }
