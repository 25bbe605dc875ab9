; A guest in one sector that hears its power button.
;
;   nasm -f bin -o button.img button.asm
;   qemu-system-x86_64 -display none -serial stdio -drive file=button.img,format=raw
;
; It writes "virt-privileges: a guest waits for its power button" to the first serial
; port. When the button is pressed (system_powerdown of the monitor), it writes
; "virt-privileges: a guest powers down" and does so, which ends QEMU with status 0.
;
; The registers are those of the PIIX4 that QEMU's "pc" machines have, where SeaBIOS
; puts them (ACPI specification, 4.8.3.1 and 4.8.3.2).

COM1 equ 0x3f8
PM1_STATUS equ 0x600
PM1_ENABLE equ 0x602
PM1_CONTROL equ 0x604
BUTTON equ 1 << 8
SLEEP_S5 equ 1 << 13            ; SLP_EN, with the type that stands for S5 there: 0

bits 16
org 0x7c00

        jmp 0:start             ; some BIOSes begin at 07c0:0000
start:
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        cld

        mov dx, PM1_ENABLE
        mov ax, BUTTON
        out dx, ax
        mov si, waits
        call say
        sti                     ; the BIOS's timer wakes the processor 18 times a second
.wait:
        hlt
        mov dx, PM1_STATUS
        in ax, dx
        test ax, BUTTON
        jz .wait

        mov si, powers_down
        call say
        mov dx, PM1_CONTROL
        mov ax, SLEEP_S5
        out dx, ax
.halt:
        cli
        hlt
        jmp .halt

; Says what is at si, and waits until all of it is sent.
say:
        lodsb
        mov ah, 0x40
        test al, al
        jz await
        push ax
        mov ah, 0x20
        call await
        pop ax
        mov dx, COM1
        out dx, al
        jmp say

; Waits until one of the bits in ah is set in the status of the port.
await:
        mov dx, COM1 + 5
.again:
        in al, dx
        test al, ah
        jz .again
        ret

waits:  db "virt-privileges: a guest waits for its power button", 13, 10, 0
powers_down:
        db "virt-privileges: a guest powers down", 13, 10, 0

        times 510 - ($ - $$) db 0
        dw 0xaa55
