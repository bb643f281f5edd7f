// no_import: A DLL.
#import "user32.dll"
#import
void OnTick() { Print("x"); }
