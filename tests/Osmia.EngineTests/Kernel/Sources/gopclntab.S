# A binary as Go's linker strips it: no symbols, and the table its runtime prints stacks with. MAGIC chooses the version of the table's form.
.section .text,"ax"
.globl _start
_start:
    mov $60, %eax
    xor %edi, %edi
    syscall
weigh:
    nop
    ret
main:
    nop
    ret
end:

.section .gopclntab,"a"
.balign 8
table:
    .4byte MAGIC
    .byte 0, 0, 1, 8
    .8byte 2
#if MAGIC == 0xfffffffb
functions:
    .8byte weigh, first - table
    .8byte main, second - table
    .8byte end
first:
    .8byte weigh
    .4byte name_of_weigh - table, 0, 0, 0
second:
    .8byte main
    .4byte name_of_main - table, 0, 0, 0
name_of_weigh:
    .asciz "main.weigh"
name_of_main:
    .asciz "main.main"
#elif MAGIC == 0xfffffffa
    .8byte 0, names - table, 0, 0, 0, functions - table
names:
name_of_weigh:
    .asciz "main.weigh"
name_of_main:
    .asciz "main.main"
.balign 8
functions:
    .8byte weigh, first - functions
    .8byte main, second - functions
    .8byte end
first:
    .8byte weigh
    .4byte name_of_weigh - names, 0, 0, 0
second:
    .8byte main
    .4byte name_of_main - names, 0, 0, 0
#else
    .8byte 0, START, names - table, 0, 0, 0, functions - table
names:
name_of_weigh:
    .asciz "main.weigh"
name_of_main:
    .asciz "main.main"
.balign 8
functions:
    .4byte weigh - _start, first - functions
    .4byte main - _start, second - functions
    .4byte end - _start
first:
    .4byte weigh - _start, name_of_weigh - names, 0, 0, 0
second:
    .4byte main - _start, name_of_main - names, 0, 0, 0
#endif
    .8byte 0, 0
