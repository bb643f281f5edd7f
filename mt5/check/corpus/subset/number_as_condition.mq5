// implicit_bool: A number as a condition.
void OnTick() { if(StringLen("a")) Print("x"); }
