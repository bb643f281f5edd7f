// 238: Two defaults.
void OnTick() { switch(StringLen("a")) { default: Print("x"); break; default: Print("y"); } }
