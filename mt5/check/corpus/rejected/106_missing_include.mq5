// 106: An included file that does not exist.
#include <Nowhere\Nothing.mqh>
void OnTick() { Print("x"); }
